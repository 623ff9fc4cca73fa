# wall_sleep: sleeps past its time.
sleep 2.2
succeeded "2.2 seconds"
