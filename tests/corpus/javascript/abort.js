// {"signal": "SIGABRT"}
process.abort();
