# {"value": [null, null]}
def main(input, context):
    return [input, context]
