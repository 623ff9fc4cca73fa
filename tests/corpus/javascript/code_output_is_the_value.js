// {"value": {"x": 1}}
require('fs').writeFileSync(process.env.CODE_OUTPUT, '{"x": 1}');
