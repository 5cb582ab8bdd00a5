package search

// What the tests look at that is nobody else's business.

var (
	AttachmentNames = attachmentNames
	TextStretches   = textStretches
)

const (
	TextChunks = textChunks
	TextEdge   = textEdge
)
