// Sends the form of a "continue" page at once. Without scripts, its button does the same.
document.getElementById('continue').submit();
