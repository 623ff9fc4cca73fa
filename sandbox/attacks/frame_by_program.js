// frame_by_program: lets a program that it starts write to the value's channel.
const text = '"ATTACK-SUCCEEDED: a child wrote the value"';
require('child_process').spawnSync('/bin/sh', ['-c', `printf 'v\\056\\000\\000\\000%s' '${text}' >&3`]);
