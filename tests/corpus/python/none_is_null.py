# {"value": null}
def main():
    pass
