# {"exit": 0, "out": "trap\n"}
trap 'echo trap' EXIT
