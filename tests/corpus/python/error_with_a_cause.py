# {"exit": 1, "err": "line 3, in <module>.*direct cause.*line 5, in <module>"}
try:
    {}["x"]
except KeyError as error:
    raise ValueError from error
