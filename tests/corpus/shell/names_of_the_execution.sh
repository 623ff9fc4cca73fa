# {"out": "thread node execution 2\n"}
echo "$CODE_THREAD_ID $CODE_NODE_ID $CODE_EXECUTION_ID $CODE_ATTEMPT"
