/* launcher_image.S: carries the launcher program, so that the library is one file. */
	.section .rodata
	.global codesandbox_launcher_image
	.global codesandbox_launcher_image_end
	.hidden codesandbox_launcher_image
	.hidden codesandbox_launcher_image_end
	.balign 4096
codesandbox_launcher_image:
	.incbin LAUNCHER_PATH
codesandbox_launcher_image_end:
	.byte 0
	.section .note.GNU-stack,"",@progbits
