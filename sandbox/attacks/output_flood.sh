# output_flood: writes 20 MiB to stdout.
head -c 20971520 /dev/zero | tr '\0' x
