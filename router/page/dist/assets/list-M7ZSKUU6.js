import{p as a,q as b}from"./chunk-U5CHYR4D.js";import"./chunk-4U6HNMAW.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
