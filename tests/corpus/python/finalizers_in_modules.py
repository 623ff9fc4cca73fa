# {"out": "uuid\ncsv\nmain\n"}
import sys
import uuid, csv


class Told:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print(self.name)


assert list(sys.modules).index("__main__") < list(sys.modules).index("uuid")
uuid.told = Told("uuid")
csv.told = Told("csv")
del uuid, csv
told = Told("main")
