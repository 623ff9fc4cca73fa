/* launcher_image.h: the launcher program, carried in the library. See launcher_image.S. */
#ifndef CODESANDBOX_LAUNCHER_IMAGE_H
#define CODESANDBOX_LAUNCHER_IMAGE_H

extern const char codesandbox_launcher_image[], codesandbox_launcher_image_end[];

#endif
