package dir

// PublisherCount is the number of publishers.
var PublisherCount = len(publishers)

// SetPublisher makes the directory begin with this publisher, as if its file system did not support
// the ones before.
func (d *Dir) SetPublisher(n int) { d.publisher.Store(int32(n)) }

// LinkError and ErrUnsupported are what tests of the errors of hard links need.
var (
	LinkError      = linkError
	ErrUnsupported = errUnsupported
)
