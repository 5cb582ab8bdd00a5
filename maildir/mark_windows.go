package maildir

// infoMark stands before the flags: on Windows a colon would begin the name of a stream.
const infoMark = ';'
