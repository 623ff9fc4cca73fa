/* huge_text.h: a program's own code in huge pages, where it forks much.
 *
 * A fork starts without page tables for a file's pages, and each of them is a fault, or a sixteenth of one, once
 * it is needed, and one entry to take out at the end. A huge page of anonymous memory is one entry that fork
 * copies: no fault, and nothing to take out. Source: Documentation/admin-guide/mm/transhuge.rst.
 */
#ifndef CODESANDBOX_HUGE_TEXT_H
#define CODESANDBOX_HUGE_TEXT_H

/* Moves what of the executable's code fills whole huge pages, or has nothing else beside it there, with
 * read-only data between, into memory of its own at the same addresses. Costs that memory once; what can't be
 * moved stays as it is. For a process of one thread. */
void huge_text_make(void);

#endif
