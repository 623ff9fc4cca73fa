# {"value": 5}
with open("helper.py", "w") as file:
    file.write("five = 5")
import helper


def main():
    return helper.five
