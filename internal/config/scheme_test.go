package config

import "testing"

// The URL of another program is refused, because a directory of that name would be hard to find.
func TestCheckDirectory(t *testing.T) {
	for path, directory := range map[string]bool{
		"sftp:host:/mail": false, "b2:bucket": false, "rclone:x:mail": false, "gs://bucket": false, "S3:https://x/b": false, "file:///tmp/x": false,
		"https://x/b": false, "rest:http://x": false, "git+ssh://x": false, "azure:c:/": false, "swift:c:/p": false,
		"mail": true, "/srv/mail": true, "./sftp:host": true, "../b2:x": true, "~/a:b": true, "C:/mail": true, "a b:c": true, "2026:x": true, "": true,
		"some/dir:with-colon": true,
	} {
		if err := CheckDirectory(path); (err == nil) != directory {
			t.Errorf("%q: %v", path, err)
		}
	}
}
