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
    # bash replaces only what comes after the last of : and =, or from the last @ on; of a word in quotes, all.
    local typed=${words[-1]} kept=
    if [[ $typed != [\"\']* ]]; then
        for ((i = ${#typed}; i > 0; i--)); do
            part=${typed:i-1:1}
            [[ $part == [:=@] && $COMP_WORDBREAKS == *"$part"* && ${typed:0:i-1} != *\\ ]] || continue
            kept=${typed:0:i}
            [[ $part == @ ]] && kept=${typed:0:i-1}
            break
        done
    fi

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
        case $typed in
        \"*) value=${value//\\/\\\\} value=${value//\"/\\\"} value=${value//\$/\\\$} value=${value//\`/\\\`} ;;
        \'*) value=${value//\'/\'\\\'\'} ;;
        *) printf -v value %q "$value" ;;
        esac
        COMPREPLY+=("${value#"$kept"}")
    done < <("${words[0]/#~\//$HOME/}" __complete -- "${words[@]:1}" 2>/dev/null)
    compopt -o nosort 2>/dev/null
}

complete -F _mailstrata mailstrata
