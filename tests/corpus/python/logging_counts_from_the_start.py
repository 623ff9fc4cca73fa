# {"out": "True\n"}
import logging

print(0 <= logging.makeLogRecord({}).relativeCreated < 5000)
