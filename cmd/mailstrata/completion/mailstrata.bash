# bash completion for mailstrata. The program itself knows what a word could become: mailstrata __complete.

_mailstrata() {
    # Words are split at : = @ too. What has no blank between is put together again.
    local rest=$COMP_LINE words=() word plain i part
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        part=${rest%%[^[:space:]]*}
        rest=${rest#"$part"}
        rest=${rest#"$word"}
        if ((i == 0)) || [[ -n $part || ( -z $word && $i -eq $COMP_CWORD && ${COMP_LINE:COMP_POINT-1:1} == [[:space:]] ) ]]; then
            words+=("$word")
        else
            words[-1]+=$word
        fi
    done
    local typed=${words[-1]} split=${COMP_WORDS[COMP_CWORD]}
    [[ $split == [:=@]* ]] && split=
    local kept=${typed%"$split"} # bash replaces only what comes after it

    for ((i = 1; i < ${#words[@]}; i++)); do
        plain=${words[i]//\\/}
        plain=${plain#[\"\']}
        words[i]=${plain%[\"\']}
    done

    COMPREPLY=()
    local value about
    while IFS=$'\t' read -r value about; do
        if [[ $value == :files ]]; then
            compopt -o filenames 2>/dev/null
            COMPREPLY+=($(compgen -f -- "${words[-1]}"))
            continue
        fi
        [[ $typed == [\"\']* ]] || printf -v value %q "$value"
        COMPREPLY+=("${value#"$kept"}")
    done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
    compopt -o nosort 2>/dev/null
}

complete -F _mailstrata mailstrata
