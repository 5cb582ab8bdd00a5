package grammar

import (
	"context"
	"path/filepath"
	"reflect"

	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/repo"
)

// NewParser returns the parser of a grammar, a pointer to a struct. It sets helped if it printed
// help. The Run of a command gets what its parameters ask for: the context, the program, or the
// repository that the user names, opened before and closed after.
func NewParser(
	ctx context.Context, p *cli.Program, grammar any, helped *bool, options ...kong.Option,
) (*kong.Kong, error) {
	return kong.New(grammar, append([]kong.Option{
		kong.Name("mailstrata"),
		kong.Writers(p.Process.Stdout, p.Process.Stderr),
		kong.Exit(func(int) { *helped = true }),
		kong.NamedMapper("path", pathReader(p)),
		kong.Resolvers(variables(p)),
		kong.ValueFormatter(DescribeValue),
		kong.ConfigureHelp(kong.HelpOptions{
			Compact: true, FlagsLast: true, WrapUpperBound: 80, NoExpandSubcommands: true,
		}),
		kong.Help(printHelp),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
		kong.BindSingletonProvider(func() (*repo.Repo, error) { return p.OpenOnce(ctx) }),
	}, options...)...)
}

// variables returns what finds the value of the environment variable that a flag's tag names. (The
// env tag of kong reads the environment of the process.)
func variables(p *cli.Program) kong.ResolverFunc {
	return func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if name := flag.Tag.Get("var"); name != "" {
			if value := p.Getenv(name); value != "" {
				p.ByVariable[flag.Name] = true
				return value, nil
			}
		}
		return nil, nil
	}
}

// pathReader returns what parses a flag that is a path. It expands "~"; "-" is not a path.
func pathReader(p *cli.Program) kong.MapperFunc {
	return func(flag *kong.DecodeContext, target reflect.Value) error {
		var path string
		err := flag.Scan.PopValueInto("file", &path)
		if err == nil && path != "" && path != "-" {
			if path, err = p.Expand(path); err == nil {
				path, err = filepath.Abs(path)
			}
		}
		target.SetString(path)
		return err
	}
}

// DescribeValue returns the help of a flag, with its default and its variable. kong shows a default
// only in the place of a placeholder.
func DescribeValue(value *kong.Value) string {
	help := value.Help
	if value.Default != "" && value.Tag.PlaceHolder != "" {
		help += " Default: " + value.Default + "."
	}
	if name := value.Tag.Get("var"); name != "" {
		help += " ($" + name + ")"
	}
	return help
}
