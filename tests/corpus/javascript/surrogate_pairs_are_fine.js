// {"value": "\ud83d\ude00"}
module.exports = () => '\ud83d\ude00';
