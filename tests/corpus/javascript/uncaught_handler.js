// {"exit": 0, "out": "caught boom\n"}
process.on('uncaughtException', (error) => console.log('caught', error.message));
throw new Error('boom');
