package s3

import "time"

// SetPause makes retries come faster than a server would like.
func (o *Options) SetPause(d time.Duration) { o.pause = d }
