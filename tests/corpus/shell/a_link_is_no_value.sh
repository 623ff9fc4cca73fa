# {"verdict": "output_invalid", "reason": "regular"}
ln -s /job/input.json "$CODE_OUTPUT"
