# {"out": "a\n", "wall_ms": 1500}
sleep 30 &
echo a
