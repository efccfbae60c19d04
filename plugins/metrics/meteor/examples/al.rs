use std::io::*;
use meteor::*;
use meteor::matches::*;
static LEX: &[u8] = include_bytes!("../data/lexicon.bin");
fn main(){
 let a:Vec<String>=std::env::args().collect();
 let e=if a[1].contains('t'){aligner::Rules::Reference}else{aligner::Rules::Published};
 let lex=meteor_data::Lexicon::new(LEX).unwrap();
 let table=a.get(2).map(|p|meteor_data::Paraphrases::open(std::path::Path::new(p)).unwrap());
 let mut v=vocabulary::Vocabulary::new(&lex);
 let mut al=aligner::Aligner::default();
 let mut ms=vec![];
 for l in stdin().lock().lines(){ let l=l.unwrap(); let (t,r)=l.split_once('\t').unwrap();
  let mut s=[Sentence::default(),Sentence::default()];
  for (s,x) in s.iter_mut().zip([t,r]) { normalise::normalise(x,|w|{let n=v.insert(w,&lex,table.as_ref()); s.words.push(n)}); if let Some(t)=&table {s.find_phrases(&v,t);} }
  find(&s[0],&s[1],&v,table.as_ref(),&mut ms);
  if a.len()>3 { eprintln!("{:?}",ms); }
  if s[1].words.is_empty() {println!(""); continue;}
  let (ch,_)=al.align(&ms,s[0].words.len(),s[1].words.len(),e);
  println!("{}",ch.iter().map(|m|format!("{}:{}:{}:{}:{}",m.reference,m.reference_words,m.caption,m.caption_words,(m.module as u8).min(3))).collect::<Vec<_>>().join(" "));
 }
}
