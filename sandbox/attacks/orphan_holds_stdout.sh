# orphan_holds_stdout: keeps its caller waiting: an orphan holds stdout open.
# Ends itself; the job must end with it, long before the sleep does.
(trap '' HUP TERM; exec sh -c "sleep 5; echo $ATTACK_MARK") &
exit 0
