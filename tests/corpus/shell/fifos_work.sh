# {"out": "through\n"}
mkfifo f
echo through >f &
cat f
