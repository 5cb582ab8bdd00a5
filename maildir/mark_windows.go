package maildir

// infoMark stands before the flags. On Windows a colon would begin the name of a stream.
const infoMark = ';'
