# {"value": {"x": 1}}
import json
import os

with open(os.environ["CODE_OUTPUT"], "w") as file:
    json.dump({"x": 1}, file)
