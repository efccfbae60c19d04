use meteor::scorer::Scorer;
static LEX: &[u8] = include_bytes!("../data/lexicon.bin");
fn main(){
 let a:Vec<String>=std::env::args().collect();
 let t0=std::time::Instant::now();
 let s=Scorer::new(meteor_data::Lexicon::new(LEX).unwrap(), Some(meteor_data::Paraphrases::open(a[1].as_ref()).unwrap()), meteor::aligner::Rules::Reference);
 println!("open {:?}",t0.elapsed());
 let text=std::fs::read_to_string(&a[2]).unwrap();
 let items:Vec<Vec<&str>>=text.lines().map(|l|l.split('\t').collect()).collect();
 let n:usize=a[3].parse().unwrap();
 let next=std::sync::atomic::AtomicUsize::new(0);
 let t=std::time::Instant::now();
 std::thread::scope(|sc|{ for _ in 0..n { sc.spawn(||{ loop { let i=next.fetch_add(64,std::sync::atomic::Ordering::Relaxed); if i>=items.len(){break} for it in &items[i..(i+64).min(items.len())] { s.score(it[0],it[1..].iter().copied()).unwrap(); } } }); } });
 println!("{} items, {} threads: {:?}",items.len(),n,t.elapsed());
 let st=std::fs::read_to_string("/proc/self/status").unwrap(); println!("{}",st.lines().filter(|l|l.starts_with("VmHWM")||l.starts_with("RssFile")||l.starts_with("RssAnon")).collect::<Vec<_>>().join(" "));
}
