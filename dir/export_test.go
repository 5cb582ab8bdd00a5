package dir

// PublisherCount is how many ways there are to give a file its name.
var PublisherCount = len(publishers)

// SetPublisher makes the directory begin with this way, as if its file system had none of those before.
func (d *Dir) SetPublisher(n int) { d.publisher.Store(int32(n)) }
