package dir

// Ways is how many ways there are to give a file its name.
var Ways = len(ways)

// SetWay makes the directory begin with this way, as if its file system had none of those before.
func (d *Dir) SetWay(n int) { d.way.Store(int32(n)) }
