# Before every attack in shell.
succeeded() {
	echo "ATTACK-SUCCEEDED: $*"
	exit 0
}

