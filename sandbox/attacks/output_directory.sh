# output_directory: makes CODE_OUTPUT a directory.
mkdir "$CODE_OUTPUT"
