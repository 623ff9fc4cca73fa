# {"environment": ["A=1", "EMPTY=", "A=2"], "out": "2  set\n"}
echo "$A" "$EMPTY" "${EMPTY+set}"
