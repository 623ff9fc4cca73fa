# {"name": "my-tool", "out": "/job/my-tool\n"}
echo "$0"
