# {"out": "3\n"}
printf 'c\na\nb\n' | sort | awk 'END { print NR }'
