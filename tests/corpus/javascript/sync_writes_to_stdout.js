// {"out_size": 200000}
// A pipe is blocking until process.stdout is used.
require('fs').writeFileSync(1, 'x'.repeat(200000));
