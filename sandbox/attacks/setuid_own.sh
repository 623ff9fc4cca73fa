# setuid_own: leaves a setuid copy of a program for someone else to run.
# In its own tmpfs, which is nosuid: whoever runs the copy stays who he is. Setting the bits may work.
cp /usr/bin/stat own && chmod 6755 own 2>/dev/null
case $(findmnt -no OPTIONS -T own 2>/dev/null || grep " /job " /proc/self/mounts) in
*nosuid*) exit 0 ;;
esac
succeeded "the bits count on $PWD"
