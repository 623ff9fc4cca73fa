# {"value": "no"}
>"$CODE_OUTPUT"
