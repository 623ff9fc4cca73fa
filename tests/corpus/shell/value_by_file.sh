# {"value": {"a": [1, 2]}}
echo '{"a": [1, 2]}' >"$CODE_OUTPUT"
