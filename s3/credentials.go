package s3

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// fromEnvironment finds credentials where AWS's own tools look for them: in AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), in the shared credentials file under AWS_PROFILE,
// and in the role of the machine, container or pod this runs on. Those of a role are renewed in
// time. The error names the host.
func fromEnvironment(ctx context.Context, host string) (*credentials.Credentials, error) {
	// On a machine without a role nothing answers at the address of the metadata service: do not
	// wait long for it.
	client := &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: time.Second}).DialContext},
	}
	found := credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{},
		&credentials.FileAWSCredentials{},
		&credentials.IAM{Client: client},
	})
	value, err := found.GetWithContext(&credentials.CredContext{Client: client, Context: ctx})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil || value.AccessKeyID == "" || value.SecretAccessKey == "" {
		return nil, fmt.Errorf("there are no credentials for %s: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "+
			"or AWS_PROFILE for a profile of ~/.aws/credentials, or credentials_file in the configuration (docs/config.md)", host)
	}
	return found, nil
}

// FromFile returns the credentials in a file in the form of ~/.aws/credentials, under AWS_PROFILE
// or else "default".
func FromFile(path string) *credentials.Credentials {
	return credentials.NewFileAWSCredentials(path, "")
}

// Static returns credentials that never change.
func Static(id, secret string) *credentials.Credentials {
	return credentials.NewStaticV4(id, secret, "")
}
