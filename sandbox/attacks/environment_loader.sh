# environment_loader: has the request's environment change how programs start.
[ -n "$LD_PRELOAD" ] && succeeded "LD_PRELOAD is $LD_PRELOAD"
[ -n "$PYTHONSTARTUP" ] && succeeded "PYTHONSTARTUP is $PYTHONSTARTUP"
[ -n "$NODE_OPTIONS" ] && succeeded "NODE_OPTIONS is $NODE_OPTIONS"
[ "$CODE_OUTPUT" = /job/output.json ] || succeeded "CODE_OUTPUT is $CODE_OUTPUT"
