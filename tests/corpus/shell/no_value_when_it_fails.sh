# {"exit": 1, "value": "no"}
echo 1 >"$CODE_OUTPUT"
exit 1
