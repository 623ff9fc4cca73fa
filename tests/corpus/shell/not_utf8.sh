# {"out_not_utf8": 4}
printf '\377\376ab'
