# {"value": "no"}
main = 5
