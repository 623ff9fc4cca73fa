// {"limits": {"output_bytes": 300000}, "out_size": 200000}
process.stdout.write('x'.repeat(200000));
