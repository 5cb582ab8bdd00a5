package repo

// On opens the repository in another store, with the keys that r holds already.
func On(r *Repo, store Store, cacheDir string) *Repo {
	c, err := openCache(cacheDir, r.id)
	if err != nil {
		panic(err)
	}
	return &Repo{
		store: store, id: r.id, role: r.role, secret: r.secret, keys: r.keys, keeper: r.keeper, seals: r.seals,
		config: r.config, cutter: r.cutter, decoder: r.decoder, cache: c,
	}
}
