// {"value": 3}
main = () => 3;
