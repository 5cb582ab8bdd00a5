#compdef mailstrata
# zsh completion for mailstrata. The program itself knows what a word could become: mailstrata __complete.

_mailstrata() {
    local -a described typed
    local value about files=
    typed=("${(@Q)words[2,CURRENT-1]}" "${(Q):-$QIPREFIX$PREFIX$QIPREFIX}") # a quote may still be open
    while IFS=$'\t' read -r value about; do
        if [[ $value == :files ]]; then
            files=1
            continue
        fi
        value=${value//\\/\\\\}
        described+=("${value//:/\\:}:$about")
    done < <("${${(Q)words[1]}/#\~\//$HOME/}" __complete -- "${typed[@]}" 2>/dev/null)
    (( ${#described} )) && _describe -V 'mailstrata' described
    [[ -n $files ]] && _files
}

if [[ $funcstack[1] == _mailstrata ]]; then
    _mailstrata "$@"
else
    compdef _mailstrata mailstrata
fi
