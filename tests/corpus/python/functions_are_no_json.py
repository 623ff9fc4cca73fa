# {"verdict": "output_invalid", "reason": "function"}
def main():
    return {"f": main}
